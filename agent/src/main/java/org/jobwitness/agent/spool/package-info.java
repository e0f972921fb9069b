/**
 * The queue of unsent batches on disk: first in, first out, kept until the service acknowledges them. Handles bytes and does not
 * interpret them.
 */
@NullMarked
package org.jobwitness.agent.spool;

import org.jspecify.annotations.NullMarked;
