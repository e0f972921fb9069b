/**
 * Access to PostgreSQL: the pool, transactions, migrations, and how tables that are divided by time are divided. Features
 * pass in their SQL as a block to run. Work for one server at a time is a {@code LeaderTask}. A database that cannot be
 * reached is one exception, {@code DatabaseUnavailable}, and is retried by itself.
 */
@NullMarked
package org.jobwitness.server.db;

import org.jspecify.annotations.NullMarked;
