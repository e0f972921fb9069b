package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/**
 * The content of a kernel file, and the numbers in it. One buffer serves all files in turn: a reading allocates nothing.
 *
 * <p>The formats are those of the kernel's Documentation/admin-guide/cgroup-v2.rst and Documentation/accounting/psi.rst.
 * Numbers that are missing, not whole, or beyond a long are {@link #NONE}.
 */
final class KernelText {
    /** There is no such number. All counts of the kernel are 0 or more. */
    static final long NONE = -1;
    /** memory.stat has 2 KiB; io.stat a hundred bytes a device. */
    private static final int CAPACITY = 64 * 1024;
    /** No machine has more CPUs. */
    private static final long MAX_LISTED = 1_000_000;

    private final ByteBuffer bytes = ByteBuffer.allocateDirect(CAPACITY);
    /** Of the last number that was asked for. */
    private boolean isOdd;

    void fill(FileChannel channel) throws IOException {
        bytes.clear();
        channel.read(bytes, 0);
        bytes.flip();
    }

    /** A copy of the text. */
    String string() {
        return StandardCharsets.ISO_8859_1.decode(bytes.duplicate()).toString();
    }

    /** Whether there is only white space. */
    boolean isBlank() {
        for (int at = 0; at < bytes.limit(); at++) {
            if (bytes.get(at) > ' ') {
                return false;
            }
        }
        return true;
    }

    /** Whether it is this word alone. */
    boolean isWord(String word) {
        return startsWith(0, word) && at(word.length()) <= ' ';
    }

    /** Whether the last number was NONE although something stands in its place: what is no whole number, or beyond a long. */
    boolean wasOdd() {
        return isOdd;
    }

    /** The one number that the file holds; NONE also if it is {@code max}. */
    long single() {
        isOdd = false;
        return isBlank() || isWord("max") ? NONE : odd(numberUpTo('\n', 0));
    }

    private long odd(long number) {
        isOdd = number == NONE;
        return number;
    }

    /** The number behind a key: lines of {@code key value}. */
    long keyed(String key) {
        isOdd = false;
        for (int line = 0; line < bytes.limit(); line = after('\n', line)) {
            if (startsWith(line, key) && at(line + key.length()) == ' ') {
                return odd(numberUpTo('\n', line + key.length() + 1));
            }
        }
        return NONE;
    }

    /** The {@code total} of a line of pressure, microseconds: {@code some avg10=0.00 avg60=0.00 avg300=0.00 total=19515}. */
    long total(String kind) {
        isOdd = false;
        for (int line = 0; line < bytes.limit(); line = after('\n', line)) {
            if (startsWith(line, kind) && at(line + kind.length()) == ' ') {
                return valueOf("total", line);
            }
        }
        return NONE;
    }

    /**
     * The sum of {@code key=value} over the lines of io.stat that are of physical devices; NONE if one of them is no number, since
     * the sum of the others would be too low. A device without I/O has a line without the key.
     */
    long sum(String key, BlockDevices devices) {
        isOdd = false;
        long sum = 0;
        for (int line = 0; line < bytes.limit(); line = after('\n', line)) {
            int colon = after(':', line) - 1;
            int from = valueStart(key, line);
            if (from < 0 || !devices.isPhysical(numberUpTo(':', line), numberUpTo(' ', colon + 1))) {
                continue;
            }
            long value = wordAt(from);
            if (value == NONE || isCutOff()) {
                return odd(NONE);
            }
            sum = plus(sum, value);
        }
        return sum;
    }

    /** The sum of two counts, or else the greatest number there is, which no figure may have. */
    static long plus(long count, long more) {
        return count > Long.MAX_VALUE - more ? Long.MAX_VALUE : count + more;
    }

    private boolean isCutOff() {
        return bytes.limit() == CAPACITY;
    }

    /** The number of entries in a list such as {@code 0-3,8}; NONE if it is not one. */
    long listed() {
        long count = 0;
        int at = 0;
        while (at < bytes.limit() && bytes.get(at) > ' ') {
            int end = at;
            int dash = -1;
            for (; at(end) > ' ' && at(end) != ','; end++) {
                if (at(end) == '-') {
                    dash = end;
                }
            }
            long first = number(at, dash < 0 ? end : dash);
            long last = dash < 0 ? first : number(dash + 1, end);
            if (first == NONE || last < first || last > MAX_LISTED) {
                return NONE;
            }
            count += last - first + 1;
            at = at(end) == ',' ? end + 1 : end;
        }
        return count == 0 || isCutOff() ? NONE : count;
    }

    private long valueOf(String key, int line) {
        int from = valueStart(key, line);
        return from < 0 ? NONE : odd(wordAt(from));
    }

    /** Where the value of a key begins in this line; below 0 if the line does not have it. */
    private int valueStart(String key, int line) {
        int end = after('\n', line);
        for (int at = line; at < end; at = after(' ', at)) {
            if (startsWith(at, key) && at(at + key.length()) == '=') {
                return at + key.length() + 1;
            }
        }
        return -1;
    }

    private long wordAt(int from) {
        int to = from;
        while (at(to) > ' ') {
            to++;
        }
        return number(from, to);
    }

    private long numberUpTo(char end, int from) {
        int to = from;
        while (to < bytes.limit() && bytes.get(to) != end) {
            to++;
        }
        // A text that was cut off may have lost digits of its last number.
        return to == bytes.limit() && isCutOff() ? NONE : number(from, to);
    }

    private long number(int from, int to) {
        if (from >= to || to - from > 19) {
            return NONE;
        }
        long number = 0;
        for (int at = from; at < to; at++) {
            int digit = bytes.get(at) - '0';
            if (digit < 0 || digit > 9) {
                return NONE;
            }
            number = 10 * number + digit;
        }
        return number < 0 ? NONE : number;
    }

    private boolean startsWith(int from, String word) {
        if (from + word.length() > bytes.limit()) {
            return false;
        }
        for (int i = 0; i < word.length(); i++) {
            if (bytes.get(from + i) != word.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private int after(char c, int from) {
        int at = from;
        while (at < bytes.limit() && bytes.get(at) != c) {
            at++;
        }
        return at + 1;
    }

    /** 0 past the end. */
    private byte at(int index) {
        return index < bytes.limit() ? bytes.get(index) : 0;
    }
}
