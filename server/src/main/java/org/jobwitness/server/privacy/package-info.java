/**
 * What is kept of one person: found by name, written to a file, or erased. Each table's own package knows what in it is personal;
 * here is in which order it goes, so that an erasure that was broken off is finished by the next one.
 */
@NullMarked
package org.jobwitness.server.privacy;

import org.jspecify.annotations.NullMarked;
