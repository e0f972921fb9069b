/**
 * Sends events of prolog and epilog that their scripts could not send, and then the batches in the spool: one thread, one
 * connection. Decides on waiting, retries and giving up.
 */
@NullMarked
package org.jobwitness.agent.ship;

import org.jspecify.annotations.NullMarked;
