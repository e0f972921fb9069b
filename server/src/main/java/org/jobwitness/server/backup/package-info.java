/**
 * Backup and restore: all that the database keeps, and the tokens, as one file that any PostgreSQL that the server supports can
 * take. It knows the names of all tables, and nothing of what is in them.
 */
@NullMarked
package org.jobwitness.server.backup;

import org.jspecify.annotations.NullMarked;
