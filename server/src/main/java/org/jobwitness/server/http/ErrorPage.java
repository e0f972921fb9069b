package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.util.Optional;
import org.jobwitness.wire.ErrorResponse;

/** Shows errors to people whose browser asked for a page. */
public interface ErrorPage {
    /**
     * The error as HTML, with the headers that it needs set; empty if the request is a program's, which gets JSON.
     *
     * @param status of the response
     */
    Optional<String> of(Context ctx, int status, ErrorResponse error);
}
