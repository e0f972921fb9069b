/**
 * PostgreSQL: the pool, transactions, migrations, and the PostgreSQL that the server starts for itself where it is given
 * none. Others bring their SQL here as a block to run; which tables there are is theirs to know, but for how those that are
 * divided by time are divided. Work for one server at a time is a {@code LeaderTask}. A database that is away is one
 * exception, {@code DatabaseUnavailable}, and comes back by itself.
 */
@NullMarked
package org.jobwitness.server.db;

import org.jspecify.annotations.NullMarked;
