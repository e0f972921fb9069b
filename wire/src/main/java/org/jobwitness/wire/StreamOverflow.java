package org.jobwitness.wire;

/**
 * A stream has a gap here.
 *
 * @param missed about how many events its reader did not get
 */
public record StreamOverflow(long missed) {
}
