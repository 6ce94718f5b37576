# The frame of every page, what failed, and what pages share.
shell-network = Acceso a la red
shell-skip = Ir al contenido
shell-language = Idioma:
shell-help = ¿Necesita ayuda? Pregunte a:
shell-code = Código de asistencia { $code }
shell-privacy = Qué guardamos sobre usted
shell-to-start = Volver al inicio
shell-optional = (opcional)
shell-minutes = { $count ->
    [one] 1 minuto
   *[other] { $count } minutos
}
shell-hours = { $count ->
    [one] 1 hora
   *[other] { $count } horas
}
shell-days = { $count ->
    [one] 1 día
   *[other] { $count } días
}
shell-fault-of = { $field }: { $fault }
shell-faults = { $count ->
    [one] Hay que revisar un dato
   *[other] Hay que revisar { $count } datos
}
shell-not-found-title = Esta página no existe
shell-not-found = Puede que la dirección esté mal escrita o que el enlace ya no sea válido. Empiece de nuevo en la página de inicio.
shell-forbidden-title = No es posible
shell-forbidden = No puede hacer esto con este dispositivo o desde esta red. Si cree que debería poder, indique su código de asistencia a las personas de abajo.
shell-too-many-title = Demasiados intentos
shell-too-many = Ha habido demasiados intentos en poco tiempo. Espere un minuto y vuelva a intentarlo.
shell-unusable-title = No se ha podido usar
shell-unusable = Lo enviado no encaja con lo que hay. Vuelva atrás, revise los datos y envíelos de nuevo.
shell-unavailable-title = No disponible en este momento
shell-unavailable = El servidor no ha podido hacerlo ahora. Inténtelo de nuevo dentro de un minuto.
shell-nothing-lost = No se ha cambiado ni perdido nada.
shell-not-here = Esto solo funciona con un dispositivo conectado a esta red. Conéctese y abra esta página en el mismo dispositivo.
shell-link-refused = Este enlace pertenece a otro dispositivo o a una conexión que ha terminado. Desconéctese de la red, vuelva a conectarse y use la página que se abre.
shell-no-ca = El certificado de este servidor procede de la autoridad de su organización: pídalo a su equipo de informática.
