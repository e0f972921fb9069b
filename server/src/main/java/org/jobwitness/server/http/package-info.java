/**
 * HTTP itself: starting and stopping the listener, deadlines and limits, reading requests, and errors as JSON. Endpoints
 * live with the features they serve and are passed in as routes; who may call is decided in {@code access}.
 */
@NullMarked
package org.jobwitness.server.http;

import org.jspecify.annotations.NullMarked;
