/**
 * The queue of what is still to be sent, on disk: what comes in goes out in the same order, and stays until the service
 * has acknowledged it, whatever happens to this process meanwhile. It knows bytes, and not what they mean.
 */
@NullMarked
package org.jobwitness.agent.spool;

import org.jspecify.annotations.NullMarked;
