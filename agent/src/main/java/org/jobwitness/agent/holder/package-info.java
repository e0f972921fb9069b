/**
 * Which job holds which GPU: what prologs said, and which processes are on a GPU, put beside each other. Where they agree there is
 * an answer, where they do not there is none, and why. Everything here is decided on what others have read.
 */
@NullMarked
package org.jobwitness.agent.holder;

import org.jspecify.annotations.NullMarked;
