/**
 * Strict JSON: which documents are accepted, and how records become text. Independent of all features.
 */
@NullMarked
package org.jobwitness.server.json;

import org.jspecify.annotations.NullMarked;
