package org.jobwitness.server.ops;

import static org.jobwitness.server.db.Columns.knownTime;

import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether the clock is believed when something is deleted: with the embedded PostgreSQL there is no second one. The
 * newest time that was believed is kept. A time more than a day after it is believed once a monotonic clock has counted as
 * much as was skipped, or an operator confirms it. Owns the table retention_clock.
 */
public final class RetentionClock {
    private static final Duration MAX_JUMP = Duration.ofDays(1);

    private final LongSupplier nanos;
    private @Nullable Long lastTurnNanos;

    /** @param nanos such as System.nanoTime */
    public RetentionClock(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** @param isBelieved if not, nothing may be deleted */
    record Turn(Instant trustedAt, Duration waited, boolean isBelieved) {
    }

    /** Takes note of the time. Called at each turn of the retention, by the server whose turn it is. */
    Turn turn(Handle handle, Instant now) {
        long elapsed = elapsedMillis();
        handle.createUpdate("""
                insert into retention_clock (trusted_at, turn_at) values (:now, :now) on conflict do nothing""")
                .bind("now", now).execute();
        // Another server's turns are no longer than the time between them: what both have counted is counted once.
        return handle.createQuery("""
                with counted as (
                    select trusted_at, waited_ms + greatest(0, least(:elapsed,
                        (extract(epoch from cast(:now as timestamptz) - turn_at) * 1000)::bigint)) as waited_ms,
                        (extract(epoch from cast(:now as timestamptz) - trusted_at) * 1000)::bigint as ahead_ms
                    from retention_clock for update),
                judged as (
                    select *, ahead_ms <= :max_jump or ahead_ms - waited_ms <= waited_ms as is_believed from counted)
                update retention_clock set turn_at = :now,
                    trusted_at = case when is_believed then greatest(judged.trusted_at, :now)
                        else judged.trusted_at end,
                    waited_ms = case when is_believed then 0 else judged.waited_ms end
                from judged returning judged.trusted_at, judged.waited_ms, is_believed""")
                .bind("now", now).bind("elapsed", elapsed).bind("max_jump", MAX_JUMP.toMillis())
                .map((row, _) -> new Turn(knownTime(row, "trusted_at"),
                        Duration.ofMillis(row.getLong("waited_ms")), row.getBoolean("is_believed")))
                .one();
    }

    /** An operator says that the clock is right. */
    public static void confirm(Handle handle, Instant now) {
        handle.createUpdate("""
                insert into retention_clock (trusted_at, turn_at) values (:now, :now)
                on conflict (only_row) do update set trusted_at = :now, turn_at = :now, waited_ms = 0""")
                .bind("now", now).execute();
    }

    /** Since the last turn of this process; 0 at its first. */
    private long elapsedMillis() {
        long now = nanos.getAsLong();
        Long last = lastTurnNanos;
        lastTurnNanos = now;
        return last == null ? 0 : (now - last) / 1_000_000;
    }
}
