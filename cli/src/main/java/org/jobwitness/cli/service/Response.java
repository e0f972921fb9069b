package org.jobwitness.cli.service;

/**
 * A response of the service.
 *
 * @param status of HTTP
 */
public record Response(int status, String body) {

    /**
     * The JSON as it came, except for characters that control a terminal or hide others: they are written as JSON's escapes,
     * which mean the same. They can only occur within strings.
     */
    public String json() {
        StringBuilder safe = new StringBuilder(body.length());
        for (int i = 0; i < body.length(); i++) {
            char c = body.charAt(i);
            int type = Character.getType(c);
            boolean escaped = c == 0x7f || (c > 0x7f && (type == Character.CONTROL || type == Character.FORMAT
                    || type == Character.LINE_SEPARATOR || type == Character.PARAGRAPH_SEPARATOR));
            if (escaped) {
                safe.append("\\u").append(Integer.toHexString(0x10000 | c).substring(1));
            } else if (c >= ' ' || c == '\n') {
                safe.append(c);
            }
        }
        return safe.toString().stripTrailing() + "\n";
    }
}
