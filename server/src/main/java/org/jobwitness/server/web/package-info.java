/**
 * The server's pages for a browser: the API document, and the page that shows it. The files are in {@code resources/web} and in
 * the Swagger UI jar; they hold no secrets, so no token is required. Requests that the page makes are authenticated like any
 * other.
 */
@NullMarked
package org.jobwitness.server.web;

import org.jspecify.annotations.NullMarked;
