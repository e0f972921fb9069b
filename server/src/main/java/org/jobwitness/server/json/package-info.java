/**
 * Strict JSON, in and out: what a document may look like, and how records become text. Knows no feature.
 */
@NullMarked
package org.jobwitness.server.json;

import org.jspecify.annotations.NullMarked;
