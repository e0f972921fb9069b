package org.jobwitness.cli.text;

/** How words are emphasized, where there are colours. Colour never carries information alone. */
public enum Style {
    PLAIN(""),
    STRONG("1"),
    FAINT("2"),
    GOOD("32"),
    WARNING("33"),
    BAD("31");

    private final String code;

    Style(String code) {
        this.code = code;
    }

    /** With the parameters of ECMA-48's SGR. */
    String paint(String words) {
        return this == PLAIN || words.isEmpty() ? words : "\u001b[" + code + "m" + words + "\u001b[0m";
    }
}
