package org.jobwitness.server.chunk;

/**
 * Doubles as whole numbers of a decimal unit, where that is exact: 12.25 is 1225 hundredths. A double comes back by one
 * division, which IEEE 754 defines to the last bit, so any language gets the same one.
 */
final class Decimals {
    static final int MAX_DIGITS = 9;
    /** Whole numbers up to here are doubles, each of them. */
    private static final double MAX_WHOLE = 1L << 53;
    private static final double[] POWERS = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

    private Decimals() {
    }

    /**
     * Replaces the bits of doubles by whole numbers.
     *
     * @return the digits behind the point that they have, 0 to 9; -1, and the array unchanged, if some double is none of
     *         these: a NaN, an infinity, a negative zero, or one with more digits
     */
    static int scale(long[] bits, int length) {
        int digits = 0;
        for (int i = 0; i < length; i++) {
            while (!isExact(Double.longBitsToDouble(bits[i]), digits)) {
                if (++digits > MAX_DIGITS) {
                    return -1;
                }
            }
        }
        for (int i = 0; i < length; i++) {
            if (!isExact(Double.longBitsToDouble(bits[i]), digits)) {
                return -1;
            }
        }
        for (int i = 0; i < length; i++) {
            bits[i] = Math.round(Double.longBitsToDouble(bits[i]) * POWERS[digits]);
        }
        return digits;
    }

    private static boolean isExact(double value, int digits) {
        double scaled = value * POWERS[digits];
        // A NaN fails the comparison; a negative zero comes back as zero, and differs in its bits.
        return Math.abs(scaled) <= MAX_WHOLE
                && Double.doubleToRawLongBits(value) == Double
                        .doubleToRawLongBits(unscaled(Math.round(scaled), digits));
    }

    static double unscaled(long scaled, int digits) {
        return scaled / POWERS[digits];
    }
}
