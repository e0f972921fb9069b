package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.testing.TestPostgres;
import org.junit.jupiter.api.Test;

class DatabaseTest {
    private static final int ROWS = 2500;

    @Test
    void portionsBringAllRowsAndNumbersAsNumbersFromTheFirstTimeOn() {
        Partitions partitions = new Partitions(Duration.ofDays(1), Duration.ofDays(31), Clock.systemUTC());
        try (Database database = TestPostgres.open(TestPostgres.freshDatabase(), partitions)) {
            assertThat(numbers(database, query -> query).getFirst()).startsWith((byte) '{');
            assertThat(numbers(database, Database::streaming)).hasSize(ROWS)
                    .allSatisfy(array -> assertThat(array).containsSequence(0x3F, 0xF8));
        }
    }

    private interface Way {
        Query of(Query query);
    }

    /** 1.5 begins with the bytes 3F F8. */
    private static List<byte[]> numbers(Database database, Way way) {
        return database.snapshot("test", handle -> way
                .of(handle.createQuery("select array[1.5::double precision] as numbers from generate_series(1, :rows)"))
                .bind("rows", ROWS).map((row, _) -> row.getBytes("numbers")).list());
    }
}
