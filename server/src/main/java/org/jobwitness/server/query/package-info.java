/**
 * Runs as callers read them: lists, one job with its runs and GPUs, audit trail, and the summary of a user. All of it is
 * limited to the caller's {@code Scope}. Writes nothing.
 */
@NullMarked
package org.jobwitness.server.query;

import org.jspecify.annotations.NullMarked;
