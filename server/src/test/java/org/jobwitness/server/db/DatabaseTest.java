package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
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

    @Test
    void whenTheClockIsSetBackItsPartitionsAreMadeAtTheFirstRow() {
        AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-06-01T00:00:00Z"));
        Partitions partitions = new Partitions(Duration.ofDays(1), Duration.ofDays(31),
                ((InstantSource) now::get).withZone(ZoneOffset.UTC));
        try (Database database = TestPostgres.open(TestPostgres.freshDatabase(), partitions)) {
            Instant past = Instant.parse("2024-02-03T04:05:06Z");
            assertThatThrownBy(() -> audit(database, past)).hasMessageContaining("no partition");
            now.set(past);
            assertThat(audit(database, past)).isEqualTo(1);
            assertThat(audit(database, past.plus(Duration.ofDays(31)))).isEqualTo(1);
        }
    }

    private static int audit(Database database, Instant at) {
        return database.write("test", handle -> handle.createUpdate("""
                insert into audit (at, job_key, cluster, job_id, action, actor, correlation_id)
                values (:at, 1, 'c', '1', 'created', 'tester', 'c-1')""").bind("at", at).execute());
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
