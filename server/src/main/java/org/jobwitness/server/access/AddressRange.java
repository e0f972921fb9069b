package org.jobwitness.server.access;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Addresses that begin with the same bits.
 *
 * @param bits how many count
 */
public record AddressRange(InetAddress first, int bits) {

    /**
     * An address, or a range such as {@code 10.1.0.0/16}. Names of hosts are not looked up.
     *
     * @throws IllegalArgumentException if it is neither
     */
    public static AddressRange parse(String text) {
        String[] parts = text.split("/", 2);
        InetAddress address = InetAddress.ofLiteral(parts[0]);
        int all = 8 * address.getAddress().length;
        if (parts.length == 1) {
            return new AddressRange(address, all);
        }
        if (!parts[1].matches("[0-9]{1,3}") || Integer.parseInt(parts[1]) > all) {
            throw new IllegalArgumentException("not a prefix length: " + parts[1]);
        }
        return new AddressRange(address, Integer.parseInt(parts[1]));
    }

    /** @param address as text; null, or what is none, is in no range */
    boolean contains(@Nullable String address) {
        byte[] ours = first.getAddress();
        byte[] theirs;
        try {
            theirs = InetAddress.ofLiteral(address == null ? "" : address.replaceAll("[\\[\\]]", "")).getAddress();
        } catch (IllegalArgumentException e) {
            return false;
        }
        if (ours.length != theirs.length) {
            return false;
        }
        for (int bit = 0; bit < bits; bit++) {
            int mask = 0x80 >> bit % 8;
            if ((ours[bit / 8] & mask) != (theirs[bit / 8] & mask)) {
                return false;
            }
        }
        return true;
    }
}
