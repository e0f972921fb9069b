/**
 * What the server shows to a browser: the API document, and the page on which it can be read and tried out. The files
 * lie under {@code resources/web} and in the Swagger UI jar; they hold nothing secret, so anybody may fetch them. What
 * the page asks of the API goes through the same doors as every other request.
 */
@NullMarked
package org.jobwitness.server.web;

import org.jspecify.annotations.NullMarked;
