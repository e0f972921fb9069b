package org.jobwitness.agent.clock;

import java.time.Instant;
import java.time.InstantSource;
import java.util.function.LongSupplier;

/**
 * The two clocks of a node.
 *
 * @param wall the time of day, which NTP or an administrator may set
 * @param monotonic nanoseconds from an arbitrary origin, for intervals and timeouts: never set
 */
public record NodeClock(InstantSource wall, LongSupplier monotonic) implements InstantSource {
    public static final NodeClock SYSTEM = new NodeClock(InstantSource.system(), System::nanoTime);

    @Override
    public Instant instant() {
        return wall.instant();
    }

    public long nanoTime() {
        return monotonic.getAsLong();
    }
}
