/**
 * The PostgreSQL that the server starts for itself where it is given none: unpacking it, its data folder and the lock on
 * it, starting, watching and stopping its processes.
 */
@NullMarked
package org.jobwitness.server.embedded;

import org.jspecify.annotations.NullMarked;
