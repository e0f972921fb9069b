package org.jobwitness.server.metrics;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The labels of one sample after the other, as both formats have them: UTF-8, escaped, without the braces. */
final class Labels {
    private final byte[][] names;
    private byte[] text = new byte[256];
    private int length;

    Labels(String... names) {
        this.names = new byte[names.length][];
        for (int i = 0; i < names.length; i++) {
            this.names[i] = ((i == 0 ? "" : ",") + names[i] + "=\"").getBytes(StandardCharsets.US_ASCII);
        }
    }

    /** The labels of the next sample; those before are forgotten. An unknown value is empty, which is the same as no label. */
    Labels of(String... values) {
        if (values.length != names.length) {
            throw new IllegalArgumentException(names.length + " labels, but " + values.length + " values");
        }
        length = 0;
        for (int i = 0; i < names.length; i++) {
            byte[] value = values[i].getBytes(StandardCharsets.UTF_8);
            int most = length + names[i].length + 2 * value.length + 1;
            if (most > text.length) {
                text = Arrays.copyOf(text, 2 * most);
            }
            System.arraycopy(names[i], 0, text, length, names[i].length);
            length += names[i].length;
            escape(value);
            text[length++] = '"';
        }
        return this;
    }

    /** No byte of a character beyond ASCII looks like one of those that are escaped. */
    private void escape(byte[] value) {
        for (byte b : value) {
            if (b == '\\' || b == '"' || b == '\n') {
                text[length++] = '\\';
            }
            text[length++] = b == '\n' ? (byte) 'n' : b;
        }
    }

    /** The first {@link #length()} bytes of it are the labels; the next {@link #of} changes them. */
    byte[] text() {
        return text;
    }

    int length() {
        return length;
    }
}
