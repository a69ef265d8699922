'use strict'

const net = require('node:net')

/** How many connections the server has, without the one that asks. */
const connections = async (url) => {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.write('CLIENT LIST\r\nQUIT\r\n')
  let answer = ''
  for await (const data of socket) answer += data
  return answer.match(/ addr=/g).length - 1
}

module.exports = { connections }
