/**
 * HTTP itself: starting and stopping the listener, deadlines and limits, strict JSON in and out, errors as JSON, and
 * {@code Caller}, which says on whose behalf a request runs. Endpoints live with the features they serve and come in as
 * routes; who may call is decided in {@code access}.
 */
@NullMarked
package org.jobwitness.server.http;

import org.jspecify.annotations.NullMarked;
