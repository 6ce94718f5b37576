# P15, the page that explains why a device is limited and how to put it right.
remedy-title = Su dispositivo y esta red
remedy-still-works = Mientras tanto solo funciona lo que ayuda a repararlo: esta página, las actualizaciones y el soporte.
remedy-check-again = Comprobar de nuevo
remedy-checking-now = Comprobando …
remedy-checking = Se está comprobando su dispositivo.
remedy-checking-why = El agente de seguridad de su dispositivo responde en segundos. Esta página se actualiza sola.
remedy-too-often = Este dispositivo se comprobó muchas veces en una hora. Espere unos minutos e inténtelo de nuevo, o pregunte a las personas de abajo.
remedy-asked = Pidió una excepción el { $at }. El equipo informático decidirá:
remedy-excepted-until = Permitido hasta el { $until }:
remedy-denied = Su petición de excepción fue rechazada:
remedy-to-do = Qué hacer
remedy-unanswered = Sin respuesta todavía
remedy-unanswered-why = El agente de seguridad no ha respondido últimamente a estas preguntas. Eso no es ni bueno ni malo.
remedy-advice = También recomendable
remedy-advice-why = Esto no limita su dispositivo.
remedy-cannot = ¿No puede arreglarlo ahora?
remedy-cannot-why = Puede pedir una excepción por un tiempo limitado. El equipo informático lee su motivo y decide.
remedy-ask = Pedir una excepción
remedy-ask-what = Una excepción permite que su dispositivo incumpla una regla hasta cierto momento. Después la regla vuelve a valer por sí sola.
remedy-exception-rule = ¿Qué regla?
remedy-exception-quarantine = La decisión de aislar este dispositivo
remedy-exception-reason = ¿Por qué es necesaria?
remedy-exception-hours = ¿Por cuánto tiempo?
remedy-exception-no-rule = Elija una de las reglas.
remedy-exception-no-reason = Escriba por qué la necesita: alguien tiene que decidir.
remedy-exception-long-reason = Escriba como máximo 1.000 caracteres.
remedy-exception-no-length = Elija una de las duraciones.
remedy-nothing-to-ask = En este momento no hay nada para lo que pedir una excepción.
remedy-send = Enviar
remedy-back = Volver
remedy-seen = Lo que vimos:
remedy-steps = Cómo arreglarlo:
remedy-open-settings = Abrir los ajustes
remedy-takes = Tarda unos { $time }.
remedy-wrong = Esta comprobación es errónea
remedy-wrong-what = Si su dispositivo cumple y esta página dice lo contrario, avise al equipo informático. La comprobación vale hasta que alguien la haya mirado.
remedy-wrong-text = ¿Qué tiene de erróneo?
remedy-reported = Avisó de que esta comprobación es errónea. Alguien la mirará.
remedy-data = Qué comunica el agente de seguridad a esta red
remedy-data-what = Los nombres y versiones del sistema y del agente, el número de serie, las direcciones de red y las respuestas a las comprobaciones: superada, fallida o sin respuesta.
remedy-data-not = No se le piden sus archivos, sus mensajes ni las páginas que visita.
remedy-not-here = Esta página trata del dispositivo conectado a esta red.
remedy-not-here-why = No se conoce ningún dispositivo en su dirección. Conéctese a la red y abra esta página en el dispositivo limitado.
remedy-not-ours = En este dispositivo no se comprueba nada.
remedy-not-ours-why = No tiene ningún agente de seguridad de esta organización y nadie lo aísla. Si algo no funciona, pregunte a las personas de abajo.
remedy-waiting = El equipo informático ha aislado su dispositivo { $device }.
remedy-reason = El motivo:
remedy-since = Desde el { $at }.
remedy-ends = Termina por sí solo el { $at }.
remedy-no-end = Termina cuando alguien del equipo informático lo termina: pregunte a las personas de abajo.
remedy-unknown = No sabemos lo suficiente sobre su dispositivo.
remedy-unknown-why = El agente de seguridad aún no ha respondido a todas las preguntas.
remedy-no-agent = No se conoce ningún agente de seguridad para esta conexión.
remedy-stale = No sabemos nada del agente de seguridad desde el { $at }.
remedy-agent-online = Mantenga el dispositivo encendido y conectado a esta red.
remedy-agent-runs = Compruebe que el agente osquery funciona, o reinicie el dispositivo.
remedy-agent-ask = Si no está instalado, pídalo a las personas de abajo.
remedy-restoring = Se superan todas las comprobaciones. Se está restableciendo su acceso.
remedy-fixed = Acceso restablecido a las { $at }.
remedy-reconnect = Puede que tenga que volver a conectarse a la red.
remedy-excepted = Su dispositivo puede incumplir una regla durante un tiempo.
remedy-excepted-why = Cuando acabe el tiempo, la regla volverá a valer. Arréglelo antes.
remedy-passing = Se superan todas las comprobaciones.
remedy-last-answer = Última respuesta del agente de seguridad: { $at }.
remedy-failing = { $failed ->
    [one] Su dispositivo { $device } está limitado porque falló 1 de { $total } comprobaciones.
   *[other] Su dispositivo { $device } está limitado porque fallaron { $failed } de { $total } comprobaciones.
}
remedy-failing-free = { $failed ->
    [one] En su dispositivo { $device } falló 1 de { $total } comprobaciones. No está limitado en este momento.
   *[other] En su dispositivo { $device } fallaron { $failed } de { $total } comprobaciones. No está limitado en este momento.
}
