package org.jobwitness.server.testing;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.List;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.embedded.OldestPostgres;

/** On which PostgreSQL a test runs that is to pass on the newest and on the oldest that the server works with. */
public enum PostgresVersion {
    NEWEST {
        @Override
        Databases databases() {
            return TestPostgres.databases();
        }
    },
    OLDEST {
        @Override
        Databases databases() {
            assumeThat(OldestPostgres.runsHere()).as("PostgreSQL 14 is at hand for Linux on amd64 only").isTrue();
            return OldestPostgres.databases();
        }
    };

    static List<PostgresVersion> underTest() {
        return LongTests.areWanted() ? List.of(values()) : List.of(NEWEST);
    }

    abstract Databases databases();

    /** A new, empty database. */
    public DatabaseAddress emptyDatabase() {
        return databases().empty();
    }

    /** A new database with the server's tables, and nothing in them. */
    public DatabaseAddress freshDatabase() {
        return databases().fresh();
    }

    /** A new database with all that is in another one, to which nobody may be connected. */
    public DatabaseAddress copyOf(DatabaseAddress original) {
        return databases().copyOf(original);
    }
}
