package org.jobwitness.wire;

/**
 * A gap in a stream.
 *
 * @param missed approximate number of events that were not sent
 */
public record StreamOverflow(long missed) {
}
