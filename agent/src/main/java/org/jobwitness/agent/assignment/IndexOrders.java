package org.jobwitness.agent.assignment;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What Slurm's indexes of GPUs may mean. Slurm counts the GPUs of a node in the order of its gres.conf: with AutoDetect that of PCI
 * addresses, with {@code File=/dev/nvidia[0-3]} that of the device files' minors. On most machines both are the same.
 */
final class IndexOrders {
    private final List<GpuState> gpus;

    enum Order {
        PCI,
        MINOR
    }

    IndexOrders(List<GpuState> gpus) {
        this.gpus = gpus;
    }

    static boolean isIndex(String device) {
        return device.matches("[0-9]{1,3}");
    }

    static boolean areIndexes(@Nullable List<String> devices) {
        return devices != null && !devices.isEmpty() && devices.stream().allMatch(IndexOrders::isIndex);
    }

    /** The GPUs that an index may mean; more than one only if two vendors have it, and the prolog named none. */
    List<Integer> positions(String index, @Nullable GpuVendor vendor, Order order) {
        Integer number = Integer.valueOf(index);
        List<Integer> positions = new ArrayList<>();
        for (int position = 0; position < gpus.size(); position++) {
            if (number.equals(number(position, order)) && isOf(vendor, position)) {
                positions.add(position);
            }
        }
        return positions;
    }

    boolean isOf(@Nullable GpuVendor vendor, int position) {
        return vendor == null || vendor == gpus.get(position).name().vendor();
    }

    /** The GPUs that all indexes of a claim mean; of an index that no GPU has, none. */
    Set<Integer> positions(PrologClaim claim, Order order) {
        Set<Integer> positions = new TreeSet<>();
        for (String index : Objects.requireNonNullElse(claim.devices(), List.<String>of())) {
            List<Integer> one = positions(index, claim.vendor(), order);
            if (one.size() == 1) {
                positions.add(one.getFirst());
            }
        }
        return positions;
    }

    private @Nullable Integer number(int position, Order order) {
        GpuName name = gpus.get(position).name();
        if (order == Order.PCI || name.index() == null) {
            return name.index();
        }
        List<GpuName> alike = gpus.stream().map(GpuState::name)
                .filter(other -> other.vendor() == name.vendor() && other.index() != null).toList();
        Integer minor = name.minor();
        if (minor == null || alike.stream().anyMatch(other -> other.minor() == null)) {
            return null;
        }
        // Those of /dev/dri/renderD128 are counted from the first.
        return name.vendor() == GpuVendor.NVIDIA
                ? minor
                : Integer.valueOf((int) alike.stream().map(GpuName::minor).filter(Objects::nonNull)
                        .filter(other -> other < minor).count());
    }

    /**
     * The orders in which each job has its processes on its own GPUs, and in which its indexes are those of GPUs. A job on more
     * GPUs than it was given breaks the rules in any order, and shows none.
     *
     * @param used the GPUs with processes of a job
     */
    Set<Order> explaining(Collection<PrologClaim> claims, Function<String, Set<Integer>> used) {
        List<PrologClaim> indexed = claims.stream().filter(claim -> areIndexes(claim.devices())).toList();
        Set<Order> orders = EnumSet.noneOf(Order.class);
        for (Order order : Order.values()) {
            if (indexed.stream().allMatch(claim -> explains(claim, used.apply(claim.jobId()), order))) {
                orders.add(order);
            }
        }
        if (orders.size() > 1) {
            Set<Order> known = EnumSet.copyOf(orders);
            known.removeIf(order -> indexed.stream().anyMatch(claim -> isUnknown(claim, order)));
            return known.isEmpty() ? orders : known;
        }
        return orders;
    }

    private boolean explains(PrologClaim claim, Set<Integer> used, Order order) {
        int given = Objects.requireNonNullElse(claim.devices(), List.of()).size();
        return used.size() > given || positions(claim, order).containsAll(used);
    }

    private boolean isUnknown(PrologClaim claim, Order order) {
        return positions(claim, order).size() < Objects.requireNonNullElse(claim.devices(), List.of()).size();
    }
}
