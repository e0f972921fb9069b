package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.wire.ErrorResponse;

/** An error, for a person: what it is, and what to do. */
final class ErrorView {
    private static final Pattern JOB = Pattern.compile("/jobs/([A-Za-z0-9._+-]{1,64})");

    private ErrorView() {
    }

    /**
     * The whole page.
     *
     * @param path that was asked for
     * @param hadSession whether the browser sent the cookie of a session
     */
    static String of(Links links, int status, ErrorResponse error, String path, boolean hadSession) {
        String heading = switch (status) {
            case 400 -> "This address has a mistake";
            case 401 -> hadSession ? "Your session has ended" : "Please sign in";
            case 403 -> "Not allowed";
            case 404 -> "Not found";
            case 429 -> "Too many requests";
            case 503 -> "The database is unavailable";
            default -> status < 500 ? "This cannot be shown" : "The server failed";
        };
        return Layout.page(links, heading, "", "",
                element("section", css("card error"), element("h1", heading),
                        Html.group(advice(status, error).map(words -> element("p", words))),
                        Html.when(status == 401, () -> SignInView.howTo(command(path)))));
    }

    /** Leads to the page that was asked for. */
    private static String command(String path) {
        Matcher job = JOB.matcher(path);
        return "jobwitness open" + (job.matches() ? " " + job.group(1) : "");
    }

    private static Stream<String> advice(int status, ErrorResponse error) {
        String message = sentence(error.message());
        return switch (status) {
            case 401 -> Stream.of("You see your own jobs once you are signed in.");
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
