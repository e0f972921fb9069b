package org.jobwitness.server.demo;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** A user of the simulated cluster. */
record User(String name, long uid, String account) {
    private static final List<String> NAMES = List.of("akowalska", "bmueller", "cdubois", "dchen", "eokafor",
            "ffischer", "gsingh", "hnakamura", "ijohansson", "jmartinez", "kpapadaki", "lbianchi", "mrahman", "nkaya",
            "oivanova", "pnguyen", "qli", "rsilva", "sbrown", "tadeyemi");
    private static final List<String> ACCOUNTS = List.of("genomics", "climate", "materials", "vision", "chemistry");

    static final List<User> ALL = IntStream.range(0, NAMES.size())
            .mapToObj(n -> new User(NAMES.get(n), 5001L + n, ACCOUNTS.get(n % ACCOUNTS.size()))).toList();

    /** Who submits the n-th job: each block of as many jobs as there are users has one of each, in random order. */
    static User ofJob(long seed, long n) {
        long block = n / ALL.size();
        return ALL.stream().sorted(Comparator.comparingLong(user -> SeededRandom.hash(seed, block, user.uid)))
                .skip(n % ALL.size()).findFirst().orElseThrow();
    }
}
