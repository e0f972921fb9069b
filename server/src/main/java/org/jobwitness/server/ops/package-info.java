/**
 * Operating the server: health for people and monitoring, liveness and readiness for supervisors and load balancers, the
 * retention of all that is stored, and the space on the data disk.
 */
@NullMarked
package org.jobwitness.server.ops;

import org.jspecify.annotations.NullMarked;
