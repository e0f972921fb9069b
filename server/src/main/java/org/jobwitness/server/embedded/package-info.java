/**
 * The PostgreSQL that the server runs itself unless DATABASE_URL is set: unpacking it, its data folder and the lock on it,
 * starting, watching and stopping its processes.
 */
@NullMarked
package org.jobwitness.server.embedded;

import org.jspecify.annotations.NullMarked;
