/**
 * How the server itself is: health for people and monitoring, liveness and readiness for whoever restarts it or sends
 * traffic to it; and that it keeps nothing longer than it has to.
 */
@NullMarked
package org.jobwitness.server.ops;

import org.jspecify.annotations.NullMarked;
