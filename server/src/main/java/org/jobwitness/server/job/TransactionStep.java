package org.jobwitness.server.job;

import java.sql.SQLException;
import org.jdbi.v3.core.Handle;

/** More to write in the transaction of a change. */
@FunctionalInterface
public interface TransactionStep {
    TransactionStep NONE = (_, _) -> {
    };

    /** Writes it; {@code run} is the key of the changed run. */
    void write(Handle handle, long run) throws SQLException;
}
