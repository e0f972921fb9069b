package org.jobwitness.agent.ship;

import java.time.Duration;

/**
 * How long things take and wait.
 *
 * @param connecting until the service has taken the connection
 * @param silence within an answer
 * @param answer until the answer is there in full
 * @param firstBackoff the longest wait after one failure; it doubles with each more
 * @param longestBackoff what it doubles up to
 * @param longestRetryAfter what is believed of the service's Retry-After
 * @param between requests on average, when there is one behind the other
 * @param scriptsTime that a script has to send its event itself
 * @param listing between looks into the scripts' folder, when nobody says that something is there
 * @param listingPending the same, when something there has not been sent
 * @param lastTry all that may happen after {@link Shipper#close}
 */
record Timing(Duration connecting, Duration silence, Duration answer, Duration firstBackoff, Duration longestBackoff,
        Duration longestRetryAfter, Duration between, Duration scriptsTime, Duration listing, Duration listingPending,
        Duration lastTry) {
    static final Timing STANDARD = new Timing(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(20),
            Duration.ofSeconds(1), Duration.ofSeconds(30), Duration.ofMinutes(5), Duration.ofMillis(50),
            Duration.ofMillis(300), Duration.ofSeconds(15), Duration.ofSeconds(3), Duration.ofSeconds(2));
}
