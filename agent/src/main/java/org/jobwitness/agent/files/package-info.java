/**
 * Who may read and write a file: whether what is in it is evidence, and whether it keeps a secret.
 */
@NullMarked
package org.jobwitness.agent.files;

import org.jspecify.annotations.NullMarked;
