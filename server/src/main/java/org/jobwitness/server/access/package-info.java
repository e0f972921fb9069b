/**
 * Who calls, and what they may do and see. {@code AccessControl} runs before every route, compares the bearer token
 * with those in the data folder and with the sessions of people, and admits a {@code Caller}, which carries its
 * {@code Scope} into every query; {@code query.Visibility} makes SQL of it. {@code SignInByMunge} makes sessions.
 */
@NullMarked
package org.jobwitness.server.access;

import org.jspecify.annotations.NullMarked;
