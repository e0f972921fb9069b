package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.wire.ErrorResponse;
import org.jobwitness.wire.NewSignInCode;

/** An error, for a person: what it is, and what to do. */
final class ErrorView {
    private static final Pattern JOB = Pattern.compile("/jobs/([A-Za-z0-9._+-]{1,64})");

    private ErrorView() {
    }

    /**
     * The whole page.
     *
     * @param target path and query that were asked for
     * @param hadSession whether the browser sent the cookie of a session
     */
    static String of(Links links, int status, ErrorResponse error, String target, boolean hadSession) {
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
                        Html.when(status == 401, () -> SignInView.ways(links, command(target), page(target)))));
    }

    /** To be shown once somebody has signed in; empty for the first one. */
    private static String page(String target) {
        String page = target.substring(1);
        return NewSignInCode.isPage(page) ? page : "";
    }

    /** Leads to the page that was asked for. */
    private static String command(String target) {
        Matcher job = JOB.matcher(target.split("\\?", 2)[0]);
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
                        + " loads again by itself.", sentence(error.message().split(";", 2)[0]));
            default -> Stream.of(message);
        };
    }

    /** With a capital letter and a full stop. */
    static String sentence(String message) {
        return message.isEmpty()
                ? ""
                : Character.toUpperCase(message.charAt(0)) + message.substring(1) + (message.endsWith(".") ? "" : ".");
    }
}
