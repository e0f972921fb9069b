/**
 * Access to PostgreSQL: the pool, transactions, migrations and partitions. Features pass in their SQL as a block to run. Work
 * for one server at a time is a {@code LeaderTask}. A database that cannot be reached is one exception,
 * {@code DatabaseUnavailable}; connecting is retried in the background.
 */
@NullMarked
package org.jobwitness.server.db;

import org.jspecify.annotations.NullMarked;
