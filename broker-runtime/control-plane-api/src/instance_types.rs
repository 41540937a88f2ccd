//! Types of brokers, as MSK has them (Amazon MSK Developer Guide, "Broker instance sizes" and "Amazon MSK quota").

/// A type of brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// Its name.
    pub name: &'static str,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, GiB.
    pub memory_gib: u32,
    /// Partitions that a broker of this type is for, replicas included.
    pub partitions_max: u32,
}

/// All types there are.
pub const INSTANCE_TYPES: &[InstanceType] = &[
    of("kafka.t3.small", 2, 2, 300),
    of("kafka.m5.large", 2, 8, 1000),
    of("kafka.m5.xlarge", 4, 16, 1000),
    of("kafka.m5.2xlarge", 8, 32, 2000),
    of("kafka.m5.4xlarge", 16, 64, 4000),
    of("kafka.m5.8xlarge", 32, 128, 4000),
    of("kafka.m5.12xlarge", 48, 192, 4000),
    of("kafka.m5.16xlarge", 64, 256, 4000),
    of("kafka.m5.24xlarge", 96, 384, 4000),
    of("kafka.m7g.large", 2, 8, 1000),
    of("kafka.m7g.xlarge", 4, 16, 1000),
    of("kafka.m7g.2xlarge", 8, 32, 2000),
    of("kafka.m7g.4xlarge", 16, 64, 4000),
    of("kafka.m7g.8xlarge", 32, 128, 4000),
    of("kafka.m7g.12xlarge", 48, 192, 4000),
    of("kafka.m7g.16xlarge", 64, 256, 4000),
    of("express.m7g.large", 2, 8, 1000),
    of("express.m7g.xlarge", 4, 16, 1000),
    of("express.m7g.2xlarge", 8, 32, 2000),
    of("express.m7g.4xlarge", 16, 64, 4000),
    of("express.m7g.8xlarge", 32, 128, 4000),
    of("express.m7g.12xlarge", 48, 192, 4000),
    of("express.m7g.16xlarge", 64, 256, 4000),
];

const fn of(name: &'static str, vcpus: u32, memory_gib: u32, partitions_max: u32) -> InstanceType {
    InstanceType {
        name,
        vcpus,
        memory_gib,
        partitions_max,
    }
}
