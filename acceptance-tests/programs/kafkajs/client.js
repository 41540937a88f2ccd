// KafkaJS: what an application and its operator do. A topic made by the administration, producers with and without compression,
// a group whose second member takes over some of the partitions, transactions of which one is aborted, and the administration's
// questions and orders.
//
// usage: node client.js BOOTSTRAP CA USER    (password in KAFKA_PASSWORD)

const assert = require('node:assert')
const fs = require('node:fs')
const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = require('kafkajs')

const [bootstrap, authority, username] = process.argv.slice(2)
const RUN = Date.now().toString(36) + process.pid
const TOPIC = `kafkajs-${RUN}`
const COPIES = `kafkajs-copies-${RUN}`
const GROUP = `kafkajs-${RUN}`
const PARTITIONS = 4
const PATIENCE_MS = 60000

const kafka = new Kafka({
  clientId: `kafkajs-${RUN}`,
  brokers: bootstrap.split(','),
  ssl: { ca: [fs.readFileSync(authority, 'utf-8')] },
  sasl: { mechanism: 'scram-sha-512', username, password: process.env.KAFKA_PASSWORD },
  logLevel: logLevel.ERROR,
})

async function until(what, condition) {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await condition())) {
    assert(Date.now() < deadline, `waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function createTopics(admin) {
  const topics = [
    {
      topic: TOPIC,
      numPartitions: PARTITIONS,
      replicationFactor: 3,
      configEntries: [{ name: 'retention.ms', value: '-1' }],
    },
    { topic: COPIES, numPartitions: 1, replicationFactor: 3 },
  ]
  assert.strictEqual(await admin.createTopics({ topics, waitForLeaders: true }), true)
  assert.strictEqual(await admin.createTopics({ topics }), false, 'topics that exist are made again')
}

async function produce(first, count, options, compression) {
  const producer = kafka.producer(options)
  await producer.connect()
  const messages = Array.from({ length: count }, (_, at) => ({
    key: `${first + at}`,
    value: `${RUN}-${first + at}`,
    partition: (first + at) % PARTITIONS,
    headers: { number: `${first + at}` },
    timestamp: `${1700000000000 + first + at}`,
  }))
  const answers = await producer.send({ topic: TOPIC, acks: -1, compression, messages })
  assert.strictEqual(answers.length, PARTITIONS)
  assert(answers.every((it) => it.errorCode === 0))
  await producer.disconnect()
}

// A member of the group: what it has seen, and its partitions.
async function join() {
  const consumer = kafka.consumer({ groupId: GROUP, heartbeatInterval: 500, maxWaitTimeInMs: 200 })
  const member = { seen: [], partitions: [], consumer }
  member.consumer.on(member.consumer.events.GROUP_JOIN, ({ payload }) => {
    member.partitions = payload.memberAssignment[TOPIC] ?? []
  })
  await member.consumer.connect()
  await member.consumer.subscribe({ topics: [TOPIC], fromBeginning: true })
  await member.consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => {
      assert.strictEqual(message.headers.number.toString(), message.value.toString().split('-').pop())
      member.seen.push(message.value.toString())
    },
  })
  return member
}

async function consumeTogether(written) {
  const first = await join()
  await until('all records at one member', () => first.seen.length >= written)
  const second = await join()
  await until('half of the partitions each', () => [first, second].every((it) => it.partitions.length === PARTITIONS / 2))
  await produce(written, PARTITIONS)
  await until('new records at both', () => first.seen.length + second.seen.length >= written + PARTITIONS)
  assert.strictEqual(second.seen.length, PARTITIONS / 2)
  await second.consumer.disconnect()
  await until('all partitions again', () => first.partitions.length === PARTITIONS)
  await first.consumer.disconnect()
  const values = [...first.seen, ...second.seen]
  assert.strictEqual(values.length, written + PARTITIONS)
  assert.strictEqual(new Set(values).size, values.length, 'a record came twice')
  return values.length
}

// Two transactions with records and an offset; the second is aborted.
async function transactions(admin) {
  const group = `kafkajs-copier-${RUN}`
  const producer = kafka.producer({
    transactionalId: `kafkajs-${RUN}`,
    maxInFlightRequests: 1,
    idempotent: true,
    transactionTimeout: 20000,
  })
  await producer.connect()
  for (const [offset, ending] of [['7', 'commit'], ['9', 'abort'], ['8', 'commit']]) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: COPIES, messages: [{ value: `${ending}-${offset}` }] })
    await transaction.sendOffsets({
      consumerGroupId: group,
      topics: [{ topic: TOPIC, partitions: [{ partition: 0, offset }] }],
    })
    await transaction[ending]()
  }
  await producer.disconnect()
  const seen = []
  const reader = kafka.consumer({ groupId: `kafkajs-reader-${RUN}`, readUncommitted: false, maxWaitTimeInMs: 200 })
  await reader.connect()
  await reader.subscribe({ topics: [COPIES], fromBeginning: true })
  await reader.run({ eachMessage: async ({ message }) => { seen.push(message.value.toString()) } })
  await until('the last committed record', () => seen.includes('commit-8'))
  await reader.disconnect()
  assert.deepStrictEqual(seen, ['commit-7', 'commit-8'])
  await until('the committed offset', async () => {
    const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [TOPIC] })
    const { offset } = partitions.find((it) => it.partition === 0)
    assert(['-1', '7', '8'].includes(offset), `an offset of an aborted transaction: ${offset}`)
    return offset === '8'
  })
}

async function administer(admin, written) {
  const cluster = await admin.describeCluster()
  assert.strictEqual(cluster.brokers.length, 3)
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: TOPIC, configNames: ['retention.ms'] }],
  })
  assert.strictEqual(described.resources[0].configEntries[0].configValue, '-1')
  const metadata = await admin.fetchTopicMetadata({ topics: [TOPIC] })
  assert(metadata.topics[0].partitions.every((it) => it.replicas.length === 3))
  const ends = await admin.fetchTopicOffsets(TOPIC)
  assert.strictEqual(ends.reduce((sum, it) => sum + Number(it.high), 0), written)
  const [{ partitions: committed }] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] })
  assert.strictEqual(committed.reduce((sum, it) => sum + Number(it.offset), 0), written, 'offsets that the group committed')
  // Record 41 has the first time after this in partition 1, and is its eleventh.
  const byTime = await admin.fetchTopicOffsetsByTimestamp(TOPIC, 1700000000000 + 38)
  assert.strictEqual(byTime.find((it) => it.partition === 1).offset, '10')
  await admin.setOffsets({ groupId: GROUP, topic: TOPIC, partitions: [{ partition: 0, offset: '3' }] })
  const [{ partitions: set }] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] })
  assert.strictEqual(set.find((it) => it.partition === 0).offset, '3')
  const { groups } = await admin.describeGroups([GROUP])
  assert.strictEqual(groups[0].state, 'Empty')
  assert((await admin.listGroups()).groups.some((it) => it.groupId === GROUP && it.protocolType === 'consumer'))
  await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition: 0, offset: '5' }] })
  assert.strictEqual((await admin.fetchTopicOffsets(TOPIC)).find((it) => it.partition === 0).low, '5')
  await admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: PARTITIONS + 1 }] })
  await until('one more partition', async () => (await admin.fetchTopicOffsets(TOPIC)).length === PARTITIONS + 1)
  assert.strictEqual((await admin.deleteGroups([GROUP]))[0].errorCode, 0)
  await admin.deleteTopics({ topics: [TOPIC, COPIES] })
  await until('the end of the topics', async () => {
    const left = await admin.listTopics()
    return !left.includes(TOPIC) && !left.includes(COPIES)
  })
}

async function main() {
  const admin = kafka.admin()
  await admin.connect()
  await createTopics(admin)
  await produce(0, 200, {}, CompressionTypes.None)
  await produce(200, 200, { idempotent: true, maxInFlightRequests: 1 }, CompressionTypes.GZIP)
  const written = await consumeTogether(400)
  await transactions(admin)
  await administer(admin, written)
  await admin.disconnect()
  console.log(`ok: ${written} records`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
