package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;

import java.util.stream.Stream;
import org.jobwitness.wire.ErrorResponse;

/** An error, for a person: what it is, and what to do. */
final class ErrorView {
    private ErrorView() {
    }

    static String of(Links links, int status, ErrorResponse error) {
        String heading = switch (status) {
            case 400 -> "This address has a mistake";
            case 401 -> "Please sign in";
            case 403 -> "Not allowed";
            case 404 -> "Not found";
            case 429 -> "Too many requests";
            case 503 -> "The database is unavailable";
            default -> status < 500 ? "This cannot be shown" : "The server failed";
        };
        return Layout.page(links, heading, "", "",
                element("section", css("card error"), element("h1", heading),
                        Html.group(advice(status, error).map(words -> element("p", words)))));
    }

    private static Stream<String> advice(int status, ErrorResponse error) {
        String message = sentence(error.message());
        return switch (status) {
            case 401 -> Stream.of(
                    "You see your own jobs once you are signed in. This server has no sign-in for browsers"
                            + " yet: on a login node, run “jobwitness why” with a job's ID.",
                    "If this is your own demo, start it with “make demo”, which needs no sign-in.");
            case 404 -> Stream.of(message,
                    "It may have been deleted, its ID may be mistyped, or it belongs to somebody whose jobs you may not see.");
            case 503 ->
                Stream.of("Jobs keep running, and agents keep what they measure until it can be stored. This page"
                        + " loads again by itself.", message);
            default -> Stream.of(message);
        };
    }

    /** With a capital letter and a full stop. */
    private static String sentence(String message) {
        return message.isEmpty()
                ? ""
                : Character.toUpperCase(message.charAt(0)) + message.substring(1) + (message.endsWith(".") ? "" : ".");
    }
}
