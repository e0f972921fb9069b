package org.jobwitness.agent.ship;

import java.time.Duration;

/**
 * Timeouts and intervals.
 *
 * @param connectTimeout for TCP, and again for TLS
 * @param readTimeout for each read of a response
 * @param responseTimeout for the whole response
 * @param initialBackoff the maximum wait after one failure; it doubles with each more
 * @param maxBackoff the limit of that
 * @param maxRetryAfter the limit of the service's Retry-After
 * @param requestInterval the mean time between requests while there are more to send
 * @param scriptTimeout the time that a script has to send its event itself
 * @param draftTimeout the time in which a script has ended, though its event still has the name of a draft
 * @param listingInterval between listings of the scripts' folder without a change reported
 * @param pendingListingInterval the same while events wait there
 * @param closeTimeout for everything that may happen after {@link Shipper#close}
 */
record Timing(Duration connectTimeout, Duration readTimeout, Duration responseTimeout, Duration initialBackoff,
        Duration maxBackoff, Duration maxRetryAfter, Duration requestInterval, Duration scriptTimeout,
        Duration draftTimeout, Duration listingInterval, Duration pendingListingInterval, Duration closeTimeout) {
    static final Timing STANDARD = new Timing(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(20),
            Duration.ofSeconds(1), Duration.ofSeconds(30), Duration.ofMinutes(5), Duration.ofMillis(50),
            Duration.ofMillis(300), Duration.ofSeconds(10), Duration.ofSeconds(15), Duration.ofSeconds(3),
            Duration.ofSeconds(2));
}
