/**
 * PostgreSQL: the pool, transactions, migrations, and the PostgreSQL that the server starts for itself where it is given
 * none. Others bring their SQL here as a block to run; which tables there are is theirs to know. A database that is away
 * is one exception, {@code DatabaseUnavailable}, and comes back by itself.
 */
@NullMarked
package org.jobwitness.server.db;

import org.jspecify.annotations.NullMarked;
