/**
 * The packed format of samples: an hour of one series as bytes, and back. Pure; docs/packed-history.md describes the bytes.
 * Which hours are packed, and where they are stored, is decided in {@code sample}.
 */
@NullMarked
package org.jobwitness.server.chunk;

import org.jspecify.annotations.NullMarked;
