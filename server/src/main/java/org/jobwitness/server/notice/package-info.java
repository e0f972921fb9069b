/**
 * Tells users in time what their running jobs waste or are about to lack, by mail and webhook, and never ends a job. What is found is
 * {@code verdict}'s.
 */
@NullMarked
package org.jobwitness.server.notice;

import org.jspecify.annotations.NullMarked;
