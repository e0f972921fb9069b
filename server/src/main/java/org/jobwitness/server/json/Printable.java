package org.jobwitness.server.json;

/** Untrusted text, made safe for a message or a log line. */
public final class Printable {
    private static final int MAX_LENGTH = 80;

    private Printable() {
    }

    /** The text, shortened to 80 characters, with each control character replaced. */
    public static String shown(String text) {
        String plain = text.codePoints().map(c -> Character.isISOControl(c) ? '?' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        return plain.length() > MAX_LENGTH ? plain.substring(0, MAX_LENGTH) + "…" : plain;
    }
}
