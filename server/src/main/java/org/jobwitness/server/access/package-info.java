/**
 * Who is calling, and what they may do and see. {@code AccessControl} stands before every route, compares the bearer
 * token with the tokens in the data folder, and admits a {@code Caller}; what a caller asks for is the features' business.
 */
@NullMarked
package org.jobwitness.server.access;

import org.jspecify.annotations.NullMarked;
