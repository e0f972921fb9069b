/**
 * HTTP itself: starting and stopping the listener, deadlines and limits, reading requests, and errors as JSON. Endpoints
 * are part of the features they serve and are passed in as routes; {@code access} decides who may call them.
 */
@NullMarked
package org.jobwitness.server.http;

import org.jspecify.annotations.NullMarked;
